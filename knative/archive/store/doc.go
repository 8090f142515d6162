// Package store keeps events in SQLite, in one file, or in PostgreSQL, with the
// same tables and the same statements.
//
// What was written when Write returned nil survives the end of the process and
// of the machine: SQLite syncs its log at each commit, and PostgreSQL's
// synchronous_commit is on. Writers that come at once share a commit. Every
// transaction that writes begins by locking one row, which also counts Seq and
// bounds Received from below: so entries become visible in the order of Seq,
// with any number of processes on one PostgreSQL, and who has read up to a Seq
// has missed nothing before it.
//
// What may go wrong: a full disk, a database that is away, a deadline. Write then
// answers an error and the event may or may not be there; sent again it counts as
// one more arrival at most.
package store
