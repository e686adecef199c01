//! Our own side: staff, roles, API keys, and the Session a checked staff call holds.
