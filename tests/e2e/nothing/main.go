// nothing is a function that does nothing: what a cold start costs that is not ours. The end-to-end tests measure it
// beside job-runner.
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
	log.Fatal(client.StartReceiver(context.Background(), func(cloudevents.Event) {}))
}
