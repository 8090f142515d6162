package config

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"github.com/kelseyhightower/envconfig"
)

// Load fills spec, a pointer to one of this package's structs, from the
// environment, and validates it. The error is one sentence for people.
func Load(spec any) error {
	if err := envconfig.Process("", spec); err != nil {
		return explain(spec, err)
	}
	if v, ok := spec.(interface{ Validate() error }); ok {
		return v.Validate()
	}
	return nil
}

// explain turns envconfig's error into a sentence with the variable, its value
// and what would be right.
func explain(spec any, err error) error {
	var parse *envconfig.ParseError
	if !errors.As(err, &parse) {
		return err // names the required variable that is missing
	}
	var says *valueError
	if errors.As(parse.Err, &says) {
		return fmt.Errorf("%s=%s: want %s", parse.KeyName, says.shown, says.want)
	}
	return fmt.Errorf("%s=%s: want %s", parse.KeyName, strconv.Quote(parse.Value), wantOf(spec, parse.FieldName))
}

// valueError is what this package's own types answer; shown never holds a secret.
type valueError struct{ shown, want string }

func (e *valueError) Error() string { return fmt.Sprintf("%s: want %s", e.shown, e.want) }

func wantOf(spec any, field string) string {
	f, ok := reflect.TypeOf(spec).Elem().FieldByName(field)
	if !ok {
		return "another value"
	}
	switch f.Type.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64:
		return "a whole number"
	default:
		return "another value"
	}
}

// check collects what is wrong with the values of one struct.
type check struct{ errs []error }

func (c *check) that(ok bool, variable string, value any, want string) {
	if !ok {
		c.errs = append(c.errs, fmt.Errorf("%s=%q: want %s", variable, fmt.Sprint(value), want))
	}
}

func (c *check) err() error { return errors.Join(c.errs...) }
