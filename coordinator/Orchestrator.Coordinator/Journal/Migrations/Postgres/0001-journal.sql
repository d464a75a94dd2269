create table streams (
    key bigint generated always as identity primary key,
    category text not null,
    id text not null,
    version bigint not null,
    deleted boolean not null default false, -- a tombstone: the id is not used again
    unique (category, id)
);

-- Positions are drawn under one advisory lock that is held until the commit: they become visible in their order.
create table events (
    position bigint generated always as identity primary key,
    stream bigint not null references streams (key),
    version bigint not null,
    type text not null,
    data bytea not null, -- UTF-8 JSON
    at timestamptz not null,
    trace_parent text,
    unique (stream, version)
);

create table snapshots (
    stream bigint primary key references streams (key),
    version bigint not null,
    schema text not null,
    data bytea not null
);

create table cursors (
    reader text primary key,
    position bigint not null
);

create table leases (
    name text primary key,
    owner text not null,
    token bigint not null,
    until timestamptz not null
);

create table metrics (
    run text not null,
    step bigint not null,
    name text not null,
    epoch integer not null,
    value double precision not null,
    primary key (run, step, name)
);
