// Package command is the function command: it runs a command for an alert, or for
// a whole notification of Alertmanager, and tells how it ended. It reads
// prometheus-am-executor's YAML as it is and gives commands the same environment.
//
// No shell is involved: a command is a program and its arguments, and what an alert
// says reaches it as environment variables only. Its output is kept up to the last
// 8 KiB, with secrets masked.
//
// What may go wrong, and what then happens:
//   - A command that ends with another code than 0, or cannot be started, is run
//     again when the event is delivered again, which is asked for with a 503;
//     with notify_on_failure: false it has failed for good. The commands beside it
//     that succeeded are answered from their records.
//   - A command that takes longer than its timeout gets SIGTERM and, 5 s later,
//     SIGKILL, with all that it has started. That has failed for good.
//   - The process is told to end: so are the commands, by SIGTERM, and they are
//     waited for. One that ended otherwise than with 0 is left to be delivered again.
//   - The process dies: whether the command had its effect is unknown, and it is
//     never run again for that delivery.
//
// What runs, and which alerts resolved before their commands began, is known to one
// process: two of them side by side would each count to max, and signal their own.
package command
