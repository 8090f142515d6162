package alert

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/cloudevents/sdk-go/v2/binding"
	"github.com/cloudevents/sdk-go/v2/event"
	"github.com/cloudevents/sdk-go/v2/types"
)

// signer is the adapter's key in these tests, known what a function is given.
var (
	signer = newKey()
	known  = VerifyKeys{signer.Verifier("", recorded)}
)

func newKey() *SigningKey {
	k, err := NewSigningKey()
	if err != nil {
		panic(err)
	}
	return k
}

// signedAlert is a firing alert's event as the adapter sends it.
func signedAlert(t testing.TB) event.Event {
	t.Helper()
	_, events := encode(t, webhook(podAlert))
	if err := signer.Sign(&events[0]); err != nil {
		t.Fatal(err)
	}
	return events[0]
}

func TestSignatureHasKeyAndVersion(t *testing.T) {
	e := signedAlert(t)
	parts := strings.Split(e.Extensions()[AttrSignature].(string), ".")
	if len(parts) != 3 || parts[0] != "v1" || parts[1] != signer.ID() || len(signer.ID()) != 16 || len(parts[2]) != 86 {
		t.Errorf("signature %q", parts)
	}
	if AttributeValue(strings.Join(parts, ".")) != strings.Join(parts, ".") {
		t.Error("a header does not carry it as it is")
	}
	by, err := known.Verify(e)
	if err != nil || by.ID != signer.ID() || by.Operator != "" {
		t.Errorf("signed by %+v, %v", by, err)
	}
}

func TestVerifyRefusesWhatWasAltered(t *testing.T) {
	other := newKey()
	for name, tc := range map[string]struct {
		change func(*event.Event)
		want   error
	}{
		"no signature":           {func(e *event.Event) { e.SetExtension(AttrSignature, nil) }, ErrUnsigned},
		"id":                     {func(e *event.Event) { e.SetID(strings.Repeat("0", 32)) }, ErrBadSignature},
		"source":                 {func(e *event.Event) { e.SetSource("/alertmanager/test") }, ErrBadSignature},
		"type":                   {func(e *event.Event) { e.SetType(TypeResolved) }, ErrBadSignature},
		"subject":                {func(e *event.Event) { e.SetSubject("Other/c0ffee0123456789") }, ErrBadSignature},
		"no subject":             {func(e *event.Event) { e.SetSubject("") }, ErrBadSignature},
		"time, by a nanosecond":  {func(e *event.Event) { e.SetTime(e.Time().Add(1)) }, ErrBadSignature},
		"no time":                {func(e *event.Event) { e.SetTime(time.Time{}) }, ErrBadSignature},
		"recordedtime":           {func(e *event.Event) { e.SetExtension(AttrRecordedTime, recorded.Add(time.Hour)) }, ErrBadSignature},
		"no recordedtime":        {func(e *event.Event) { e.SetExtension(AttrRecordedTime, nil) }, ErrBadSignature},
		"recordedtime no time":   {func(e *event.Event) { e.SetExtension(AttrRecordedTime, "soon") }, ErrBadSignature},
		"data":                   {func(e *event.Event) { e.DataEncoded = bytes.Replace(e.Data(), []byte("shop"), []byte("sh0p"), 1) }, ErrBadSignature},
		"a blank within a value": {func(e *event.Event) { e.DataEncoded = bytes.Replace(e.Data(), []byte("shop"), []byte("shop "), 1) }, ErrBadSignature},
		"a member more":          {func(e *event.Event) { e.DataEncoded = append(bytes.TrimSuffix(e.Data(), []byte("}")), `,"a":1}`...) }, ErrBadSignature},
		"data that is no JSON":   {func(e *event.Event) { e.DataEncoded = append(e.Data(), '}') }, ErrBadSignature},
		"no data":                {func(e *event.Event) { e.DataEncoded = nil }, ErrBadSignature},
		"another's key":          {func(e *event.Event) { resign(e, other.ID()) }, ErrUnknownKey},
		"another's signature":    {func(e *event.Event) { mustSign(other, e); resign(e, signer.ID()) }, ErrBadSignature},
		"signed by another":      {func(e *event.Event) { mustSign(other, e) }, ErrUnknownKey},
		"another version":        {func(e *event.Event) { e.SetExtension(AttrSignature, "v2"+signature(e)[2:]) }, ErrBadSignature},
		"two parts":              {func(e *event.Event) { e.SetExtension(AttrSignature, "v1."+signer.ID()) }, ErrBadSignature},
		"four parts":             {func(e *event.Event) { e.SetExtension(AttrSignature, signature(e)+".x") }, ErrBadSignature},
		"not base64url":          {func(e *event.Event) { e.SetExtension(AttrSignature, "v1."+signer.ID()+".+/") }, ErrBadSignature},
		"short":                  {func(e *event.Event) { e.SetExtension(AttrSignature, "v1."+signer.ID()+".AAAA") }, ErrBadSignature},
		"other unused bits":      {func(e *event.Event) { e.SetExtension(AttrSignature, otherBits(signature(e))) }, ErrBadSignature},
	} {
		t.Run(name, func(t *testing.T) {
			e := signedAlert(t)
			tc.change(&e)
			if by, err := known.Verify(e); !errors.Is(err, tc.want) {
				t.Errorf("%+v, %v; want %v", by, err, tc.want)
			}
		})
	}
}

// What a broker adds or drops beside what was signed, and how it writes a time, is
// none of the signature's business.
func TestVerifyTakesWhatMeansTheSame(t *testing.T) {
	for name, change := range map[string]func(*event.Event){
		"nothing":              func(*event.Event) {},
		"Knative's attributes": func(e *event.Event) { e.SetExtension("knativearrivaltime", "2026-11-20T22:00:00Z") },
		"a trace": func(e *event.Event) {
			e.SetExtension("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
		},
		"an attribute less":      func(e *event.Event) { e.SetExtension("pod", nil) },
		"time in another zone":   func(e *event.Event) { e.SetTime(e.Time().In(time.FixedZone("", 7200))) },
		"recordedtime as a time": func(e *event.Event) { e.SetExtension(AttrRecordedTime, types.Timestamp{Time: recorded}) },
		"recordedtime in another zone": func(e *event.Event) {
			e.SetExtension(AttrRecordedTime, recorded.In(time.FixedZone("", -3600)).Format(time.RFC3339Nano))
		},
		"other blanks": func(e *event.Event) {
			var b bytes.Buffer
			if err := json.Indent(&b, e.Data(), "", "\t"); err != nil {
				panic(err)
			}
			e.DataEncoded = b.Bytes()
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := signedAlert(t)
			change(&e)
			if _, err := known.Verify(e); err != nil {
				t.Error(err)
			}
		})
	}
}

// The parts are told apart: what moves from one to its neighbour is another event.
func TestSignedPartsAreSeparate(t *testing.T) {
	one, two := event.New(), event.New()
	for _, e := range []*event.Event{&one, &two} {
		e.SetType("dev.quench.approved")
		e.SetSource("/operator")
	}
	one.SetID("a")
	one.SetSubject("bc")
	two.SetID("ab")
	two.SetSubject("c")
	a, errA := signed(one)
	b, errB := signed(two)
	if errA != nil || errB != nil || bytes.Equal(a, b) {
		t.Errorf("%q, %q, %v, %v", a, b, errA, errB)
	}
}

// An event of any type is signed, here one without data and recordedtime, and
// verification says which person did.
func TestOperatorsEvent(t *testing.T) {
	alice := newKey()
	keys := append(VerifyKeys{alice.Verifier("alice", recorded)}, known...)
	m := newMirror(t)
	e := event.New()
	e.SetType("dev.quench.approved")
	e.SetSource("/operator/alice")
	e.SetID("1")
	mustSign(alice, &e)
	by, err := keys.Verify(m.trip(t, e, binding.WithForceBinary))
	if err != nil || by.Operator != "alice" {
		t.Errorf("signed by %+v, %v", by, err)
	}
}

func TestGroupEventsSignatureComesBack(t *testing.T) {
	p, err := Decode(webhook(podAlert))
	if err != nil {
		t.Fatal(err)
	}
	e, err := (&Encoder{Source: Source("prod")}).GroupEvent(p, recorded)
	if err != nil {
		t.Fatal(err)
	}
	mustSign(signer, &e)
	m := newMirror(t)
	for _, got := range []event.Event{m.trip(t, e, binding.WithForceBinary), m.trip(t, e, binding.WithForceStructured)} {
		if _, err := known.Verify(got); err != nil {
			t.Error(err)
		}
	}
}

// The README sends dead letters again through jq, which writes <, > and & as they
// are where Alertmanager has escapes. (A number such as 1.50, which no Alertmanager
// sends, would not survive it.)
func TestSignatureSurvivesJQ(t *testing.T) {
	jq, err := exec.LookPath("jq")
	if err != nil {
		t.Skip("there is no jq on this machine")
	}
	body := webhook(strings.Replace(podAlert, "nginx-1", `a \u003cb\u003e \u0026 größe 🔥 \u2028 \"q\" \\ \t\n`, 1))
	body = bytes.Replace(body, []byte("1.50"), []byte("1.5"), 1) // jq rewrites numbers; Alertmanager sends whole ones
	_, events := encode(t, body)
	mustSign(signer, &events[0])
	text, err := json.Marshal(events[0])
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), jq, "-c", ".")
	cmd.Stdin = bytes.NewReader(text)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var again event.Event
	if err := json.Unmarshal(out, &again); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(again.Data(), []byte(`\u003c`)) {
		t.Error("jq left the escapes: this test shows nothing")
	}
	if _, err := known.Verify(again); err != nil {
		t.Errorf("%v:\n%s\n%s", err, plainJSON(events[0].Data()), plainJSON(again.Data()))
	}
}

func TestSignRefusesATimeThatIsNone(t *testing.T) {
	e := signedAlert(t)
	e.SetExtension(AttrRecordedTime, "soon")
	var field *FieldError
	if err := signer.Sign(&e); !errors.As(err, &field) || field.Field != AttrRecordedTime {
		t.Errorf("got %v", err)
	}
}

func TestKeyDoesNotPrintItself(t *testing.T) {
	secret := base64.StdEncoding.EncodeToString(signer.private.Seed())
	for _, format := range []string{"%v", "%+v", "%#v", "%s"} {
		if said := fmt.Sprintf(format, signer); said != "signing key "+signer.ID() || strings.Contains(said, secret) {
			t.Errorf("%s: %s", format, said)
		}
	}
}

func mustSign(k *SigningKey, e *event.Event) {
	if err := k.Sign(e); err != nil {
		panic(err)
	}
}

func signature(e *event.Event) string { return e.Extensions()[AttrSignature].(string) }

// resign says that another key made the signature.
func resign(e *event.Event, id string) {
	parts := strings.Split(signature(e), ".")
	e.SetExtension(AttrSignature, "v1."+id+"."+parts[2])
}

// otherBits sets a bit of the last character that stands for no byte.
func otherBits(signature string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, signature[len(signature)-1])
	return signature[:len(signature)-1] + alphabet[last+1:last+2]
}
