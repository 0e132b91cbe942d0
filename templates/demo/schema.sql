-- Run at every change of this file; hence "if not exists".
create table if not exists visits (
    id bigint generated always as identity primary key,
    at timestamptz not null default now()
);
