// Package alert is the event contract: it decodes what Prometheus Alertmanager
// sends, gives every alert an identity, and turns it into a CloudEvent and back.
//
// An event's data is the alert exactly as Alertmanager sent it, with the fields
// of its group beside it. Its attributes are made for filtering: a label's name
// loses what an attribute name cannot have (AttributeName), its value what an
// HTTP header cannot carry (AttributeValue), and very long or very many values
// are cut. Who decides on an alert reads the data, never the attributes.
//
// What may go wrong: Decode and FromEvent refuse what is not an alert with a
// FieldError that names the field; nothing is guessed. Encoding a decoded alert
// does not fail for anything that its labels hold.
package alert
