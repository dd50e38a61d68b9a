-- migrate:up
-- Secrets, encrypted before they reach the database, and who asked for one. Whoever reads these tables learns names,
-- times and sizes; whoever writes them can delete or roll back a secret, but not read, forge or exchange one.
--
-- The master key is never here. It wraps the data keys; a data key encrypts values. Each ciphertext holds the name and
-- version that it belongs to, so a ciphertext in another row, or an older one in its own, is refused on reading.

CREATE TABLE secure_credential_keys (
    id          uuid PRIMARY KEY,            -- also inside wrapped_key
    wrapped_key text NOT NULL,               -- the data key under the master key; '' once retired
    master_id   text NOT NULL,               -- which master key wraps it: a fingerprint, not the key
    retired_at  timestamptz,                 -- NULL = in use
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now(),
    updated_at  timestamptz NOT NULL DEFAULT now(),
    CHECK ((retired_at IS NULL) = (wrapped_key <> ''))
);
CREATE UNIQUE INDEX secure_credential_keys_active ON secure_credential_keys ((true)) WHERE retired_at IS NULL;

CREATE TABLE secure_credentials (
    name         text PRIMARY KEY CHECK (name ~ '^[A-Za-z][A-Za-z0-9_.:-]{0,127}$'),
    version      bigint NOT NULL CHECK (version > 0),   -- of the value; goes on after a deletion, so never used twice
    ciphertext   text NOT NULL,              -- '' = deleted
    key_id       uuid REFERENCES secure_credential_keys (id),
    status       text NOT NULL CHECK (status IN ('active', 'deleted')),
    last_used_at timestamptz,                -- follows credential_access_log
    metadata     jsonb NOT NULL DEFAULT '{}',
    created_at   timestamptz NOT NULL DEFAULT now(),    -- of this value's name
    updated_at   timestamptz NOT NULL DEFAULT now(),    -- of this value; a rotation of keys does not count
    CHECK ((status = 'active') = (ciphertext <> '')),
    CHECK ((status = 'active') = (key_id IS NOT NULL))
);
CREATE INDEX secure_credentials_key ON secure_credentials (key_id);

CREATE TABLE credential_access_log (         -- append-only
    id          uuid PRIMARY KEY,            -- given by the writer, so writing twice changes nothing
    ts_ns       bigint NOT NULL,             -- when it was asked for; the row may be written later
    event_at    timestamptz GENERATED ALWAYS AS
        (to_timestamp((ts_ns / 1000)::double precision / 1000000)) STORED,
    module      text NOT NULL,
    secret_name text NOT NULL,
    purpose     text NOT NULL,
    source      text NOT NULL,               -- file, database, environment, signer, operator; '' = found nowhere
    result      text NOT NULL CHECK (result IN ('ok', 'missing', 'refused', 'unavailable', 'signed', 'changed')),
    is_first    boolean NOT NULL,            -- no earlier row has this module and name
    metadata    jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX credential_access_log_module_time ON credential_access_log (module, ts_ns DESC, id DESC);
CREATE INDEX credential_access_log_name_time ON credential_access_log (secret_name, ts_ns DESC);
CREATE INDEX credential_access_log_pair ON credential_access_log (module, secret_name);

CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER credential_access_log_append_only BEFORE UPDATE OR DELETE ON credential_access_log
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER credential_access_log_no_truncate BEFORE TRUNCATE ON credential_access_log
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
