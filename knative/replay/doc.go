// Package replay sends events again: after an outage, those that no function took.
//
// A replay is planned first, as a whole, into a cursor file: each event as it will
// be sent. Then they are sent in that order, one after another, and what became of
// each is appended to the file. So a replay that is cut off goes on where it was,
// with the same events, whatever has come to the archive since.
//
// What may go wrong, and what then holds:
//
//   - Interrupted (its context ends): the event under way is sent to its end and
//     noted. Nothing is sent twice.
//   - Killed: nothing is left out. The one event that was under way may have been
//     taken without our knowing; it is sent again, with the same id, by which
//     functions know it. So a kill costs at most one event that comes twice.
//   - The machine loses power: the same, where the disk keeps what fsync says.
//   - An event is refused for what is in it (400, 413 and the like): noted, told at
//     the end, not tried again.
//   - Nobody takes events any more, or we lack the rights: after some tries the replay
//     ends with an error, and goes on from that event when it is run again.
//
// Only one process can have a cursor file open. It holds alerts whole, and is
// readable for its owner alone.
package replay
