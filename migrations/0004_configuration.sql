-- migrate:up
-- What an operator sets. A module is the owner of one settings struct: a strategy, its limits (risk.NAME), a platform part.

CREATE TABLE config_settings (
    module      text NOT NULL,
    key         text NOT NULL,
    config_type text NOT NULL CHECK (config_type IN (
        'GENERAL', 'TRADING', 'STRATEGIES', 'SECURITY', 'DATABASE', 'API', 'MONITORING', 'ML_MODELS',
        'RISK_MANAGEMENT', 'PORTFOLIO', 'CHAIN', 'DASHBOARD')),
    value       jsonb,                          -- NULL = not set here: the layer below holds
    value_type  text NOT NULL,                  -- number, integer, switch, text, choice, choices, list or map
    is_editable boolean NOT NULL DEFAULT true,  -- only rows with it are used
    version     bigint NOT NULL CHECK (version > 0),  -- the module's, when this row was last written
    updated_by  text NOT NULL,
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (module, key)
);
CREATE INDEX config_settings_type ON config_settings (config_type, module);

CREATE TABLE config_history (                   -- one row per field of a save
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    module      text NOT NULL,
    key         text NOT NULL,
    config_type text NOT NULL,
    old_value   jsonb,                          -- NULL = was not set here
    new_value   jsonb,                          -- NULL = is not set here any more
    version     bigint NOT NULL,                -- the module's, that this save made
    is_first    boolean NOT NULL,               -- first row of its save: what pages page by
    changed_by  text NOT NULL,
    reason      text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    UNIQUE (module, version, key)
);
CREATE INDEX config_history_saves ON config_history (id DESC) WHERE is_first;
CREATE INDEX config_history_module_saves ON config_history (module, id DESC) WHERE is_first;

CREATE FUNCTION config_history_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'config_history is append-only';
END $$;
CREATE TRIGGER config_history_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON config_history
    FOR EACH STATEMENT EXECUTE FUNCTION config_history_is_append_only();

-- Edits by hand are heard too; one save of many fields is one notice, since equal payloads of a transaction are merged.
CREATE FUNCTION config_settings_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('config', coalesce(NEW.module, OLD.module));
    RETURN NULL;
END $$;
CREATE TRIGGER config_settings_changed AFTER INSERT OR UPDATE OR DELETE ON config_settings
    FOR EACH ROW EXECUTE FUNCTION config_settings_notify();
