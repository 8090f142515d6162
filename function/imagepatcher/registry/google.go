package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
)

// Google is Google's Cloud. Who this process is, Google's application default
// credentials say: a file that a variable names, a service account's or the
// node's identity.
type Google struct{}

// googleHost is Artifact Registry's, or Container Registry's before it.
var googleHost = regexp.MustCompile(`^(?:[a-z0-9-]+-docker\.pkg\.dev|(?:[a-z]+\.)?gcr\.io)$`)

// readOnly is what a token is asked for.
const readOnly = "https://www.googleapis.com/auth/devstorage.read_only"

// Credential implements Cloud.
func (Google) Credential(ctx context.Context, registry string) (Credential, bool, error) {
	if !googleHost.MatchString(registry) {
		return Credential{}, false, nil
	}
	ctx, cancel := context.WithTimeout(ctx, cloudPatience)
	defer cancel()
	source, err := google.DefaultTokenSource(ctx, readOnly)
	if err != nil { // nowhere; public repositories can be read all the same
		return Credential{From: "no Google identity", Auth: authn.Anonymous}, true, nil
	}
	token, err := source.Token()
	if err != nil {
		return Credential{}, false, fromGoogle(registry, err)
	}
	return Credential{From: "Google identity", Auth: &authn.Basic{Username: "oauth2accesstoken", Password: token.AccessToken}}, true, nil
}

// Pushed implements Cloud: the API that would tell wants rights of its own.
func (Google) Pushed(context.Context, name.Repository) (map[string]time.Time, bool, error) {
	return nil, false, nil
}

// fromGoogle says what an error about a token means, without what was answered.
func fromGoogle(registry string, err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response == nil {
		return &AwayError{Registry: registry, Err: errors.New("get a Google token: no answer")}
	}
	said := fmt.Sprintf("get a Google token: %d %s", answer.Response.StatusCode, http.StatusText(answer.Response.StatusCode))
	if code := answer.Response.StatusCode; code >= http.StatusInternalServerError || code == http.StatusTooManyRequests {
		return &AwayError{Registry: registry, Err: errors.New(said)}
	}
	return &DeniedError{Repository: registry, Tried: []string{"Google identity (" + said + ")"}}
}
