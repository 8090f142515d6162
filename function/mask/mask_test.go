package mask_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/quench-dev/quench/function/mask"
)

func shipped(t *testing.T, more ...*regexp.Regexp) *mask.Masker {
	t.Helper()
	m, err := mask.New(true, more...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

const (
	begin = "-----BEGIN RSA PRIVATE KEY-----"
	end   = "-----END RSA PRIVATE KEY-----"
	body  = "MIIEpAIBAAKCAQEA7v5\nq1Zk0eXxHj3u+A/8=="
	// Put together here, so that no scanner takes this file for a leak.
	letters = "Abcdefghij0123456789Abcdefghij0123456789"
)

func TestShippedPatterns(t *testing.T) {
	for name, test := range map[string]struct{ text, want string }{
		"a private key":                    {"key:\n" + begin + "\n" + body + "\n" + end + "\ndone", "key:\n***\ndone"},
		"two private keys":                 {begin + body + end + " and " + begin + body + end, "*** and ***"},
		"a private key without its end":    {"before\n" + begin + "\n" + body, "before\n***"},
		"a private key without its begin":  {body + "\n" + end + "\nafter", "***\nafter"},
		"a private key on one line":        {`{"key":"` + begin + `\nMIIE\n` + end + `\n"}`, `{"key":"***\n"}`},
		"a public key stays":               {"-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----"},
		"an authorization header":          {"> Authorization: Basic dXNlcjpwYXNz\n> Host: a", "> Authorization: ***\n> Host: a"},
		"a header of curl's":               {`curl -H "Authorization: token abc" http://a/`, `curl -H "Authorization: ***" http://a/`},
		"a bearer token":                   {"sent bearer abcDEF123._~+/= to a", "sent bearer *** to a"},
		"a cookie":                         {"Set-Cookie: id=1; Path=/\nok", "Set-Cookie: ***\nok"},
		"a password in a URL":              {"dial postgres://me:gehe@im@db:5432/shop?x=1", "dial postgres://me:***@db:5432/shop?x=1"},
		"a password in a URL without user": {"redis://:geheim@cache/0", "redis://:***@cache/0"},
		"a token in a URL":                 {"clone https://" + letters + "@example.com/a.git", "clone https://***@example.com/a.git"},
		"a URL without a password stays":   {"get http://host:8080/a@b?c=d:e", "get http://host:8080/a@b?c=d:e"},
		"a user in a URL stays":            {"ssh://git@example.com/a", "ssh://git@example.com/a"},
		"a JSON Web Token":                 {"got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl.", "got ***"},
		"an AWS key's id":                  {"using " + "AKIA" + "ABCDEFGHIJ234567" + " in eu-1", "using *** in eu-1"},
		"an AWS secret":                    {"aws_secret_access_key = " + letters, "aws_secret_access_key = ***"},
		"an AWS secret in JSON":            {`{"SecretAccessKey": "a/b+c", "Region": "eu-1"}`, `{"SecretAccessKey": "***", "Region": "eu-1"}`},
		"a GitHub token":                   {"push with " + "ghp_" + letters, "push with ***"},
		"a fine-grained GitHub token":      {"push with " + "github_pat_" + letters, "push with ***"},
		"a GitLab token":                   {"push with " + "glpat-" + letters, "push with ***"},
		"a Slack token":                    {"say with " + "xoxb-" + letters, "say with ***"},
		"a Slack webhook":                  {"post https://hooks.slack.com/services/T0/B0/" + letters, "post https://hooks.slack.com/services/***"},
		"a Google API key":                 {"key is " + "AIza" + letters, "key is ***"},
		"a Stripe key":                     {"pay with " + "sk_live_" + letters, "pay with ***"},
		"an npm token":                     {"publish with " + "npm_" + letters, "publish with ***"},
		"a Vault token":                    {"unseal with " + "hvs." + letters, "unseal with ***"},
		"an sk- key":                       {"ask with " + "sk-" + letters, "ask with ***"},
		"a password":                       {"PASSWORD=geheim,1;x ok", "PASSWORD=*** ok"},
		"a variable":                       {"export DB_PASSWORD_1='a b' PGUSER=me", "export DB_PASSWORD_1='***' PGUSER=me"},
		"a short variable":                 {"DB_PASS=geheim PGUSER=me", "DB_PASS=*** PGUSER=me"},
		"YAML":                             {"api_key: geheim\nuser: me", "api_key: ***\nuser: me"},
		"JSON":                             {`{"user":"me","client_secret":"a\"b c","n":1}`, `{"user":"me","client_secret":"***","n":1}`},
		"JSON in JSON":                     {`"{\"token\":\"geheim\",\"n\":1}"`, `"{\"token\":\"***"`},
		"JSON that was cut off":            {`{"token":"gehe`, `{"token":"***`},
		"a count in JSON":                  {`{"tokens":17,"text":"all is well"}`, `{"tokens":***,"text":"all is well"}`},
		"Python":                           {`{'password': 'geheim', 'n': 1}`, `{'password': '***', 'n': 1}`},
		"Ruby":                             {`:password => "geheim", n: 1`, `:password => "***", n: 1`},
		"a query":                          {"GET /a?access_token=geheim", "GET /a?access_token=***"},
		"a flag":                           {"mysql --user=me --password geheim --host a", "mysql --user=me --password *** --host a"},
		"a flag with =":                    {"mysql --password=geheim", "mysql --password=***"},
		"what is empty stays":              {"password:\nuser: me", "password:\nuser: me"},
		"what is no secret stays":          {"3 tests passed: bypass at 12:30, key=frontend, exit code 3", "3 tests passed: bypass at 12:30, key=frontend, exit code 3"},
		"any script stays":                 {"気温 🔥 é", "気温 🔥 é"},
		"nothing stays":                    {"", ""},
	} {
		t.Run(name, func(t *testing.T) {
			m := shipped(t)
			if got := m.Mask(test.text); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
			if once, twice := m.Mask(test.text), m.Mask(m.Mask(test.text)); once != twice {
				t.Errorf("masked once %q, twice %q", once, twice)
			}
		})
	}
}

func TestMore(t *testing.T) {
	more, err := mask.Parse("# ours\n\n  card-\\d+  \nroom (\\d+) of (\\w+)\n")
	if err != nil {
		t.Fatal(err)
	}
	const text = "card-123 opens room 7 of Ann; token: x"
	if got := shipped(t, more...).Mask(text); got != "*** opens room *** of ***; token: ***" {
		t.Errorf("got %q", got)
	}
	own, err := mask.New(false, more...)
	if err != nil {
		t.Fatal(err)
	}
	if got := own.Mask(text); got != "*** opens room *** of ***; token: x" {
		t.Errorf("without defaults got %q", got)
	}
}

func TestParseSaysWhatIsWrong(t *testing.T) {
	for text, want := range map[string]string{
		"a\n\n(":  "line 3: want a regular expression (RE2)",
		"[0-9]*":  "line 1: want a regular expression that does not match the empty text",
		"(?=abc)": "line 1: want a regular expression (RE2)",
	} {
		if _, err := mask.Parse(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", text, err, want)
		}
	}
}

// What would keep a backtracking engine busy for ever takes no longer than other text.
func TestTimeGrowsWithTheTextAlone(t *testing.T) {
	m := shipped(t)
	for name, part := range map[string]string{
		"begins of keys": "-----BEGIN PRIVATE KEY", "quotes": `token:\"`, "letters": "a", "dots": "eyJabcdefgh.", "flags": "--token ",
	} {
		began := time.Now()
		m.Mask(strings.Repeat(part, 256<<10/len(part)))
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: 256 KiB take %s", name, took)
		}
	}
}
