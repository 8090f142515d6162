package registry_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/quench-dev/quench/function/imagepatcher/registry"
)

const ecrRegistry = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"

// amazon stands in for ECR's API, which there is none of to have without an account: it takes the requests that AWS's
// SDK signs and answers in the form of AWS's reference.
func amazon(t *testing.T, answer func(w http.ResponseWriter, operation string, input map[string]any)) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sum := r.Header.Get("Authorization"); !strings.HasPrefix(sum, "AWS4-HMAC-SHA256 Credential=AKIDTEST/") || !strings.Contains(sum, "/eu-central-1/ecr/") {
			t.Errorf("not signed for ECR in the registry's region: %q", sum)
		}
		var input map[string]any
		if err := json.NewDecoder(r.Body).Decode(&input); err != nil {
			t.Errorf("read input: %v", err)
		}
		_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		answer(w, operation, input)
	}))
	t.Cleanup(s.Close)
	for variable, value := range map[string]string{
		"AWS_ENDPOINT_URL_ECR": s.URL, "AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "s3cret-of-aws", "AWS_SESSION_TOKEN": "",
		"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "AWS_PROFILE": "", "AWS_REGION": "us-east-1",
	} {
		t.Setenv(variable, value)
	}
}

func repository(t *testing.T, text string) name.Repository {
	t.Helper()
	r, err := name.NewRepository(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestECRCredential(t *testing.T) {
	amazon(t, func(w http.ResponseWriter, operation string, _ map[string]any) {
		if operation != "GetAuthorizationToken" {
			t.Errorf("asked for %s", operation)
		}
		fmt.Fprintf(w, `{"authorizationData": [{"authorizationToken": %q, "expiresAt": 1.8e9}]}`, base64.StdEncoding.EncodeToString([]byte("AWS:token:of:aws")))
	})
	got, ok, err := registry.ECR{}.Credential(t.Context(), ecrRegistry)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	config, err := authn.Authorization(t.Context(), got.Auth)
	if err != nil || config.Username != "AWS" || config.Password != "token:of:aws" || got.From != "AWS identity" {
		t.Errorf("got %s, %v", got.From, err)
	}
	for _, other := range []string{"index.docker.io", "public.ecr.aws", "123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.test", "x" + ecrRegistry} {
		if _, ok, err := (registry.ECR{}).Credential(t.Context(), other); ok || err != nil {
			t.Errorf("%s: %t, %v", other, ok, err)
		}
	}
}

func TestECRTellsWhenImagesWerePushed(t *testing.T) {
	pages := 0
	amazon(t, func(w http.ResponseWriter, operation string, input map[string]any) {
		pages++
		if operation != "DescribeImages" || input["registryId"] != "123456789012" || input["repositoryName"] != "shop/frontend" || input["maxResults"] != 1000.0 {
			t.Errorf("asked for %s %v", operation, input)
		}
		if input["nextToken"] == nil {
			fmt.Fprint(w, `{"imageDetails": [{"imageTags": ["1.0.0", "old"], "imagePushedAt": 1700000000.5}], "nextToken": "two"}`)
			return
		}
		fmt.Fprint(w, `{"imageDetails": [{"imageTags": ["0.9.9"], "imagePushedAt": 1800000000}]}`)
	})
	got, ok, err := registry.ECR{}.Pushed(t.Context(), repository(t, ecrRegistry+"/shop/frontend"))
	if err != nil || !ok || pages != 2 {
		t.Fatal(ok, err, pages)
	}
	for tag, want := range map[string]time.Time{"1.0.0": time.Unix(1700000000, 5e8), "old": time.Unix(1700000000, 5e8), "0.9.9": time.Unix(1800000000, 0)} {
		if !got[tag].Equal(want) {
			t.Errorf("%s: got %s, want %s", tag, got[tag], want)
		}
	}
}

func TestECRRefuses(t *testing.T) {
	var denied *registry.DeniedError
	var away *registry.AwayError
	for title, test := range map[string]struct {
		code int
		kind string
		is   func(error) bool
	}{
		"no such repository": {400, "RepositoryNotFoundException", registry.Absent},
		"not allowed":        {400, "AccessDeniedException", func(err error) bool { return errors.As(err, &denied) }},
		"token is old":       {400, "ExpiredTokenException", func(err error) bool { return errors.As(err, &denied) }},
		"throttled":          {400, "ThrottlingException", func(err error) bool { return errors.As(err, &away) }},
		"broken":             {500, "ServerException", func(err error) bool { return errors.As(err, &away) }},
	} {
		t.Run(title, func(t *testing.T) {
			amazon(t, func(w http.ResponseWriter, _ string, _ map[string]any) {
				w.WriteHeader(test.code)
				fmt.Fprintf(w, `{"__type": %q, "message": "secret-in-a-message"}`, test.kind)
			})
			_, _, err := registry.ECR{}.Pushed(t.Context(), repository(t, ecrRegistry+"/shop/frontend"))
			if err == nil || !test.is(err) || strings.Contains(err.Error(), "secret-in-a-message") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("got %v (%T)", err, err)
			}
		})
	}
}
