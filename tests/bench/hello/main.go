// hello answers readiness and does nothing else: the floor of what a start costs.
package main

import (
	"log"
	"net/http"
	"os"
)

func main() {
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))) //nolint:gosec // it lives for milliseconds
}
