//! Tenants and the only road to their rows: registry, pool lanes, TenantTx, migrations, dev database.
