// nothing is a function that does nothing but answer with an event, as every function does: what a cold start costs that
// is not ours. The end-to-end tests measure it beside job-runner.
package main

import (
	"context"
	"log"

	cloudevents "github.com/cloudevents/sdk-go/v2"
)

func main() {
	client, err := cloudevents.NewClientHTTP()
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(client.StartReceiver(context.Background(), func(e cloudevents.Event) *cloudevents.Event {
		answer := e.Clone()
		answer.SetID(e.ID() + "-answer")
		answer.SetSource("/nothing")
		answer.SetType("dev.quench.action.succeeded")
		return &answer
	}))
}
