package notifier

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
)

// maxSecret bounds a file with a secret.
const maxSecret = 64 << 10

// secret is a file with one. It is read each time it is used, so that one that is
// renewed needs no new pod; what it holds is in no log and no error.
type secret string

func (s secret) read() (string, error) {
	f, err := os.Open(string(s))
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err) // names the file alone
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("read secret: %w", err)
	}
	text := strings.TrimSpace(string(b))
	switch {
	case len(b) > maxSecret:
		return "", fmt.Errorf("read secret: %s is larger than 64 KiB", string(s))
	case text == "":
		return "", fmt.Errorf("read secret: %s is empty", string(s))
	}
	return text, nil
}

// hidden stands in the place of a secret.
const hidden = "***"

// minHidden is the length from which a part of a URL is hidden: shorter ones are in
// every other word.
const minHidden = 4

// redact takes a secret URL, and each part of it that may be one, out of a text.
func redact(text, secretURL string) string {
	hide := []string{secretURL}
	if u, err := url.Parse(secretURL); err == nil {
		hide = append(hide, u.Redacted(), u.Opaque, u.Host, u.Hostname(), u.EscapedPath(), u.RawQuery, u.Fragment)
		if u.User != nil {
			password, _ := u.User.Password()
			hide = append(hide, u.User.String(), u.User.Username(), password)
		}
		hide = append(hide, strings.Split(u.EscapedPath(), "/")...)
		hide = append(hide, strings.Split(u.Path, "/")...)
		for _, values := range u.Query() {
			hide = append(hide, values...)
		}
	}
	for _, part := range hide {
		if len(part) >= minHidden {
			text = strings.ReplaceAll(text, part, hidden)
		}
	}
	return text
}

// plainly is why a request failed, without its URL, which may be a secret.
func plainly(err error) error {
	var sent *url.Error
	if errors.As(err, &sent) {
		return sent.Err
	}
	return err
}
