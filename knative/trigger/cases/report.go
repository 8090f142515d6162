package cases

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
)

// Text prints the report for people.
func (r *Report) Text(w io.Writer) {
	for _, result := range r.Results {
		if len(result.Problems) == 0 {
			fmt.Fprintf(w, "ok    %s\n", result.Name)
			continue
		}
		fmt.Fprintf(w, "FAIL  %s (%s)\n", result.Name, result.Where)
		for _, p := range result.Problems {
			p.text(w, "      ")
		}
	}
	fmt.Fprintf(w, "%d tests, %d failed\n", len(r.Results), r.Failed())
	fmt.Fprintf(w, "coverage: %d of %d Triggers (%.0f%%)\n", r.Triggers-len(r.Unreached), r.Triggers, r.Covered())
	for _, u := range r.Unreached {
		fmt.Fprintf(w, "      no test reaches %s (%s)\n", u.Trigger, u.Where)
	}
}

func (p *Problem) text(w io.Writer, indent string) {
	fmt.Fprintf(w, "%s%s (%s) %s: %s\n", indent, p.Trigger, p.Where, p.Says, p.Event)
	p.Why.Write(w, indent+"  ")
}

// JSON prints the report for programs.
func (r *Report) JSON(w io.Writer) error {
	encoder := json.NewEncoder(w)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	return encoder.Encode(r)
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Name    string        `xml:"name,attr"`
	Class   string        `xml:"classname,attr"`
	File    string        `xml:"file,attr"`
	Failure *junitFailure `xml:"failure,omitempty"`
}

type junitFailure struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit prints the report in the XML that CI systems read.
func (r *Report) JUnit(w io.Writer) error {
	suite := junitSuite{Name: "quench trigger test", Tests: len(r.Results), Failures: r.Failed()}
	for _, result := range r.Results {
		c := junitCase{Name: result.Name, Class: "triggers", File: result.Where}
		if len(result.Problems) > 0 {
			var text bytes.Buffer
			for _, p := range result.Problems {
				p.text(&text, "")
			}
			c.Failure = &junitFailure{Message: result.Problems[0].Trigger + " " + result.Problems[0].Says, Text: text.String()}
		}
		suite.Cases = append(suite.Cases, c)
	}
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	encoder := xml.NewEncoder(w)
	encoder.Indent("", "  ")
	if err := encoder.Encode(suite); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w)
	return err
}
