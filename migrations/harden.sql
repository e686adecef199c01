-- closes the roads from tenant A's role to tenant B's data that `set local role` alone leaves open.
--
-- Run by a superuser in each database that holds tenants, before its first tenant:
--     hansa migrate --harden   (or psql -X -v ON_ERROR_STOP=1 -f harden.sql)
-- Running it again changes nothing. Grants belong to one database, so a new database must be hardened again.
-- It ends with an error when anything is still open: a revoke by someone who may not revoke is only a warning.
-- What each line stops: tests/e2e/attacks.rs.
--
-- Not affected: superusers, so also pg_dump run by one. Affected: every other role, `hansa_owner` and the control role too.
-- What such a role needs back is granted to it by name, never to public and never to a tenant role or a lane login:
--     grant execute on function pg_catalog.pg_try_advisory_lock(bigint) to hansa_owner;      -- one migration run at a time
-- Tenant transactions never notify (it serialises commits); the function pg_notify is closed.
-- Never install in such a database an extension that runs SQL given as text (tablefunc, xml2, dblink, …).

begin;

-- no objects outside the schemas that hansa_owner makes
revoke create on schema public from public;
-- a `do` block may say `reset role`
revoke usage on language plpgsql from public;

do $$
declare
    target regprocedure;
    targets regprocedure[];
    still_open text;
begin
    -- a temporary table comes first in the search path and shadows the real one
    execute format('revoke temporary on database %I from public', current_database());

    select array_agg(p.oid::regprocedure order by p.proname, p.oid) into targets
    from pg_catalog.pg_proc p
    where p.pronamespace = 'pg_catalog'::regnamespace
        and (
            -- changes the role from inside a select
            p.proname = 'set_config'
            -- run SQL given as text, so they read as whoever the role is by then
            or p.proname ~ '^(query|cursor|table|schema|database)_to_xml'
            or p.proname in ('ts_stat', 'ts_rewrite')
            -- make others wait: lock keys are shared by all tenants of a database, session locks outlive the transaction
            or p.proname ~ '^pg_(try_)?advisory_(xact_)?lock'
            or p.proname in ('pg_sleep', 'pg_sleep_for', 'pg_sleep_until')
            -- fill the disk, the log or the queue of notices outside the tenant's own tables
            or p.proname in ('lo_create', 'lo_creat', 'lo_from_bytea', 'lo_put', 'pg_logical_emit_message', 'pg_notify')
        );

    foreach target in array targets loop
        execute format('revoke execute on function %s from public', target);
    end loop;

    select string_agg(t::text, ', ') into still_open
    from unnest(targets) as t
    where has_function_privilege('public', t, 'execute');

    if still_open is not null
        or has_language_privilege('public', 'plpgsql', 'usage')
        or has_database_privilege('public', current_database(), 'temporary')
        or has_schema_privilege('public', 'public', 'create')
    then
        raise exception 'database % is not hardened', current_database()
            using detail = coalesce('open to public: ' || still_open, 'language, temporary or create is open to public'),
                hint = 'run harden.sql as a superuser';
    end if;
end
$$;

commit;
