create table streams (
    key integer primary key,
    category text not null,
    id text not null,
    version integer not null,
    deleted integer not null default 0, -- a tombstone: the id is not used again
    unique (category, id)
);

-- autoincrement: a position is never given twice, not even after its stream is deleted.
create table events (
    position integer primary key autoincrement,
    stream integer not null references streams (key),
    version integer not null,
    type text not null,
    data blob not null, -- UTF-8 JSON
    at integer not null, -- microseconds since 1970, UTC
    trace_parent text,
    unique (stream, version)
);

create table snapshots (
    stream integer primary key references streams (key),
    version integer not null,
    schema text not null,
    data blob not null
);

create table cursors (
    reader text primary key,
    position integer not null
) without rowid;

create table leases (
    name text primary key,
    owner text not null,
    token integer not null,
    until integer not null -- microseconds since 1970, UTC
) without rowid;

create table metrics (
    run text not null,
    step integer not null,
    name text not null,
    epoch integer not null,
    value real, -- null is NaN, which SQLite has no other way to keep
    primary key (run, step, name)
) without rowid;
