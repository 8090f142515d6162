// bench measures quench's adapter and functions beside floors and a reference in
// one run, and prints a table. Each system, the load and the sink are processes of
// their own, as in real life; the sink counts every event, and one that is lost or
// comes twice fails the run.
//
// What a process of it does is its first argument: run, or one of the roles that
// run starts.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"time"
)

var roles = map[string]func(ctx context.Context, args []string) error{
	"run":       run,
	"sink":      sink,        // takes events, and counts them
	"reference": reference,   // the reference adapter
	"nothing":   nothing,     // takes webhooks, and does nothing about them
	"post":      post,        // posts ready-made events, by net/http
	"sdk-post":  sdkPost,     // posts events, by CloudEvents' SDK
	"load":      webhookLoad, // posts webhooks
}

func main() {
	role := roles["run"]
	var args []string
	if len(os.Args) > 1 {
		role, args = roles[os.Args[1]], os.Args[2:]
	}
	if role == nil {
		fmt.Fprintf(os.Stderr, "bench: %q is none of the roles\n", os.Args[1])
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := role(ctx, args); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// listen serves on a port that is free, and says on its output which.
func listen(ctx context.Context, h http.Handler) error {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := tell(map[string]string{"url": "http://" + l.Addr().String() + "/"}); err != nil {
		return err
	}
	server := http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(l)
}

// tell is how a process answers the one that started it: a line of JSON.
func tell(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }
