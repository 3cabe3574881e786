-- Who may do what in the database `shop`. Run once, in it, by an administrator, before anything is migrated:
--
--     psql --dbname shop --file roles.sql
--
-- Passwords are not in here: psql's `\password shop_migrator` and `\password shop_app` set them, and no log sees them.

-- Owns the schema, and what migrations make. Nobody logs in as it.
CREATE ROLE shop_owner NOLOGIN;

-- Migrates: scripts run as the owner, which it may assume but is not by itself, and the history it writes as itself.
CREATE ROLE shop_migrator LOGIN NOINHERIT;
GRANT shop_owner TO shop_migrator;

-- Serves: rows, and nothing about tables.
CREATE ROLE shop_app LOGIN;

REVOKE ALL ON DATABASE shop FROM PUBLIC;
GRANT CONNECT ON DATABASE shop TO shop_migrator, shop_app;

ALTER SCHEMA public OWNER TO shop_owner;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO shop_migrator;
GRANT USAGE ON SCHEMA public TO shop_app;

-- Of what the owner makes from now on. No migration has to think of it.
ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA public
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO shop_app;
ALTER DEFAULT PRIVILEGES FOR ROLE shop_owner IN SCHEMA public
    GRANT USAGE ON SEQUENCES TO shop_app;

-- Of what the migrator makes, which is the history: `wait` reads it.
ALTER DEFAULT PRIVILEGES FOR ROLE shop_migrator IN SCHEMA public
    GRANT SELECT ON TABLES TO shop_app;
