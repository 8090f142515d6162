package notifier

import "context"

// sender posts messages to one receiver. It may be used from several goroutines.
type sender interface {
	// dialect is how its messages are to be written.
	dialect() dialect
	// send posts a message, below m.thread where there is one, and says in which
	// thread it stands: none where the service has none.
	send(ctx context.Context, m *message) (thread, *failure)
}

// thread is where the messages about one incarnation of an alert stand. The zero
// thread is none.
type thread struct{ channel, ts string }

// message is one to one receiver.
type message struct {
	notice *Notice
	title  string // plain text
	text   string // in the sender's dialect
	thread thread
	again  bool // it may have got through before
}
