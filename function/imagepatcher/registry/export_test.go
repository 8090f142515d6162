package registry

import (
	"net/http"
	"time"
)

// Limits is what all requests go through.
func Limits(insecure []string) http.RoundTripper {
	return &limits{next: http.DefaultTransport, insecure: insecure, most: time.Second}
}
