// Package notifier is the function notifier: it tells people what happens to an
// alert, in Slack, by a webhook, and by the services that shoutrrr knows. Triggers
// choose what it hears: alerts, enriched alerts, outcomes.
//
// All messages about one incarnation of an alert stand in one thread, where the
// receiver has threads (Slack, with a bot's token). What was told, and where, is
// kept in one Remediation for each receiver and incarnation, so that it is found
// again by another pod, and so that nothing is told twice: an event that comes
// again, an alert that Alertmanager repeats, or one of whose receivers only one
// failed.
//
// What may go wrong:
//   - A receiver is away, or asks to be left alone for longer than there is time:
//     503, and the broker delivers the event again. Receivers that have it are not
//     told again.
//   - A receiver refuses for good (a token that was revoked, a channel that is not
//     there): logged, and the event goes to the dead-letter sink, from where it can
//     be sent again.
//   - The process ends, or the network does, between a post and its being
//     remembered: whether the message got through cannot be told. It is sent again,
//     and says so: two messages do less harm than none. (Slack could be asked, but a
//     bot that may read what people write in a channel is too much for that.)
//   - What was told cannot be remembered although it was told: the event is answered
//     as told. A later message may then begin a thread of its own.
//
// Nobody signs outcomes and enriched alerts: who can send to the broker can have
// text posted, though no markup, no mention and no template of theirs. Alerts are
// believed with a signature only, where there are keys.
package notifier
