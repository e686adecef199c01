//! Stock: items, locations, levels, ledger, reservations, live feed.
