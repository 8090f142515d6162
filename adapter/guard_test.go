package adapter

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"
	"golang.org/x/crypto/bcrypt"

	"github.com/quench-dev/quench/config"
)

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "credentials")
	put(t, name, content)
	return name
}

// put replaces a file as a mounted Secret is replaced: at once.
func put(t *testing.T, name, content string) {
	t.Helper()
	if err := os.WriteFile(name+".new", []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(name+".new", name); err != nil {
		t.Fatal(err)
	}
}

func hashed(t *testing.T, password string, cost int) string {
	t.Helper()
	h, err := bcrypt.GenerateFromPassword([]byte(password), cost)
	if err != nil {
		t.Fatal(err)
	}
	return string(h)
}

// ask sends a request with an Authorization header, and gives status and challenge.
func ask(t *testing.T, method, url, authorization string) (int, []string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(string(webhookOf("a"))))
	if err != nil {
		t.Fatal(err)
	}
	if user, password, ok := strings.Cut(authorization, ":"); ok {
		r.SetBasicAuth(user, password)
	} else if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	return resp.StatusCode, resp.Header.Values("WWW-Authenticate")
}

func TestCredentials(t *testing.T) {
	tokensFile := file(t, "# of the two Alertmanagers\nfirst-token\n\n  second-token  \n")
	passwordsFile := file(t, "alertmanager:"+hashed(t, "geheim", bcrypt.MinCost)+"\n# a comment\nprometheus:"+hashed(t, "auch:geheim", bcrypt.MinCost)+"\n")
	s := newSink(t)
	for name, tc := range map[string]struct {
		tokens, passwords bool
		authorization     string
		ok                bool
	}{
		"nothing is asked":         {false, false, "", true},
		"a token":                  {true, false, "Bearer first-token", true},
		"another token":            {true, false, "bearer second-token", true},
		"a wrong token":            {true, false, "Bearer first-toke", false},
		"a comment is none":        {true, false, "Bearer # of the two Alertmanagers", false},
		"an empty token":           {true, false, "Bearer ", false},
		"no token":                 {true, false, "", false},
		"a password for a token":   {true, false, "alertmanager:geheim", false},
		"a password":               {false, true, "alertmanager:geheim", true},
		"a password with a colon":  {false, true, "prometheus:auch:geheim", true},
		"a wrong password":         {false, true, "alertmanager:falsch", false},
		"another user's":           {false, true, "prometheus:geheim", false},
		"no such user":             {false, true, "grafana:geheim", false},
		"no user":                  {false, true, ":geheim", false},
		"no password":              {false, true, "", false},
		"a token for a password":   {false, true, "Bearer first-token", false},
		"either: the token":        {true, true, "Bearer first-token", true},
		"either: the password":     {true, true, "alertmanager:geheim", true},
		"neither":                  {true, true, "", false},
		"either, a wrong token":    {true, true, "Bearer geheim", false},
		"either, a wrong password": {true, true, "alertmanager:first-token", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, url, log := start(t, settings(t, s.URL, func(c *config.Adapter) {
				if tc.tokens {
					c.BearerTokensFile = tokensFile
				}
				if tc.passwords {
					c.BasicAuthFile = passwordsFile
				}
			}))
			want := http.StatusUnauthorized
			if tc.ok {
				want = http.StatusOK
			}
			for range 2 { // the second time from what is remembered
				for method, at := range map[string]string{"POST": url + "/alert", "GET": url + "/metrics"} {
					code, challenge := ask(t, method, at, tc.authorization)
					if code != want {
						t.Errorf("%s: %d, want %d", method, code, want)
					}
					said := strings.Join(challenge, " ")
					if !tc.ok && (tc.tokens != strings.Contains(said, "Bearer") || tc.passwords != strings.Contains(said, "Basic")) {
						t.Errorf("challenge %q", said)
					}
				}
			}
			for _, secret := range []string{"geheim", "falsch", "first-tok", "second-token", "$2a$"} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("log tells %s: %s", secret, log)
				}
			}
		})
	}
}

func TestRotation(t *testing.T) {
	name := file(t, "token-1\n")
	_, url, log := start(t, settings(t, newSink(t).URL, func(c *config.Adapter) { c.BearerTokensFile = name }))
	expect := func(token string, want int) {
		t.Helper()
		if code, _ := ask(t, "POST", url, "Bearer "+token); code != want {
			t.Errorf("%s: %d, want %d", token, code, want)
		}
	}
	expect("token-1", 200)
	put(t, name, "token-2\n") // as long, and within one tick of the clock
	expect("token-1", 401)
	expect("token-2", 200)
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(name, old, old); err != nil {
		t.Fatal(err)
	}
	expect("token-2", 200)
	put(t, name, "token-3\n")
	expect("token-2", 401)

	// Written in place, by a clock too coarse to tell the two apart.
	now := time.Now()
	for _, token := range []string{"token-5", "token-6"} {
		if err := os.WriteFile(name, []byte(token), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(name, now, now); err != nil {
			t.Fatal(err)
		}
		expect(token, 200)
	}

	put(t, name, "two words\n")
	expect("token-3", 503)
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	expect("token-3", 503)
	expect("token-3", 503)
	put(t, name, "token-4\n")
	expect("token-4", 200)
	for _, want := range []string{name + ":1: want one token", "no such file", "credentials can be read again"} {
		if strings.Count(log.String(), want) == 0 {
			t.Errorf("log does not say %q: %s", want, log)
		}
	}
	if strings.Contains(log.String(), "two words") || strings.Contains(log.String(), "token-") {
		t.Errorf("log tells a secret: %s", log)
	}
}

func TestPasswordIsChangedAndWithdrawn(t *testing.T) {
	name := file(t, "me:"+hashed(t, "old", bcrypt.MinCost))
	_, url, _ := start(t, settings(t, newSink(t).URL, func(c *config.Adapter) { c.BasicAuthFile = name }))
	for _, step := range []struct {
		content, authorization string
		want                   int
	}{
		{"", "me:old", 200},
		{"me:" + hashed(t, "new", bcrypt.MinCost), "me:old", 401},
		{"", "me:new", 200},
		{"you:" + hashed(t, "new", bcrypt.MinCost), "me:new", 401},
	} {
		if step.content != "" {
			put(t, name, step.content)
		}
		if code, _ := ask(t, "POST", url, step.authorization); code != step.want {
			t.Errorf("%s: %d, want %d", step.authorization, code, step.want)
		}
	}
}

// One compare costs some 60 ms at htpasswd's usual cost; a hundred webhooks
// must not pay it each.
func TestGoodPasswordIsComparedOnce(t *testing.T) {
	c, ps := newChecked(), passwords{hashes: map[string]string{"me": hashed(t, "geheim", 10)}}
	begun := time.Now()
	if err := c.check(t.Context(), ps, "me", "geheim"); err != nil {
		t.Fatal(err)
	}
	one := time.Since(begun)
	begun = time.Now()
	for range 100 {
		if err := c.check(t.Context(), ps, "me", "geheim"); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begun); took > 10*one {
		t.Errorf("a hundred more took %s, the first %s", took, one)
	}
	if err := c.check(t.Context(), ps, "me", "falsch"); err == nil {
		t.Error("a wrong password after a right one")
	}
}

func TestCredentialFilesAreCheckedAtStart(t *testing.T) {
	for name, tc := range map[string]struct{ content, tokens, passwords string }{
		"empty":          {"", ": there is nothing in it", ": there is nothing in it"},
		"only comments":  {"# none\n", ": there is nothing in it", ": there is nothing in it"},
		"two words":      {"# ok\ngeheim geheim\n", ":2: want one token", ":2: want user:hash"},
		"control":        {"geheim\x01\n", ":1: want one token", ":1: want user:hash"},
		"not a hash":     {"me:geheim\n", "", ":1: want a bcrypt hash"},
		"MD5":            {"me:$apr1$abc$geheim\n", "", ":1: want a bcrypt hash"},
		"no user":        {"\n\n:geheim\n", "", ":3: want user:hash"},
		"a user twice":   {"me:" + hashed(t, "a", 4) + "\nme:" + hashed(t, "b", 4) + "\n", "", ":2: this user is listed already"},
		"very long":      {strings.Repeat("geheim\n", 200_000), "more than", "more than"},
		"no line ending": {"geheim", "", ":1: want user:hash"},
	} {
		t.Run(name, func(t *testing.T) {
			f := file(t, tc.content)
			for variable, want := range map[string]string{"BEARER_TOKENS_FILE": tc.tokens, "BASIC_AUTH_FILE": tc.passwords} {
				_, err := New(settings(t, "", func(c *config.Adapter) {
					if variable == "BASIC_AUTH_FILE" {
						c.BasicAuthFile = f
					} else {
						c.BearerTokensFile = f
					}
				}), nil, zerolog.Nop())
				if want == "" {
					if err != nil {
						t.Errorf("%s: %v", variable, err)
					}
					continue
				}
				if err == nil || !strings.HasPrefix(err.Error(), variable+": ") || !strings.Contains(err.Error(), f) || !strings.Contains(err.Error(), want) {
					t.Errorf("%s: %v, want %q", variable, err, want)
				}
				if err != nil && strings.Contains(err.Error(), "geheim") {
					t.Errorf("%q tells a secret", err)
				}
			}
		})
	}
	_, err := New(settings(t, "", func(c *config.Adapter) { c.BasicAuthFile = "/nowhere" }), nil, zerolog.Nop())
	if err == nil || err.Error() != "BASIC_AUTH_FILE: open /nowhere: no such file or directory" {
		t.Errorf("err %v", err)
	}
}
