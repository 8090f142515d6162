package jobrunner

import (
	"encoding/json"
	"reflect"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
)

// bailer is an entry of bailers:, as Bailer's config.yaml has it.
type bailer struct {
	Alert                   text            `json:"alert"`
	Command                 []text          `json:"command"`
	Container               *image          `json:"container"`
	Labels                  map[string]text `json:"labels"`
	ServiceAccountName      text            `json:"serviceAccountName"`
	TTLSecondsAfterFinished *int32          `json:"ttlSecondsAfterFinished"`
}

// job is an entry of jobs:.
type job struct {
	bailer
	Name       text                         `json:"name"`
	Namespace  text                         `json:"namespace"`
	Args       []text                       `json:"args"`
	Resources  *corev1.ResourceRequirements `json:"resources"`
	Template   *batchv1.JobTemplateSpec     `json:"template"`
	CronJob    text                         `json:"cronJob"`
	MaxRunning *int                         `json:"maxRunning"`
	OnResolved text                         `json:"onResolved"`
	OnRepeat   text                         `json:"onRepeat"`
	CoolDown   *text                        `json:"coolDown"`
}

// trueOrFalse is what was found where a string was wanted.
const trueOrFalse = "true or false (as YAML takes yes, no, on, off, y and n for, unless quoted)"

// text is a string, or a number as it is written. A word that YAML takes for
// true or false, such as no or on, is an error: what was written is lost.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	var s string
	switch b[0] {
	case '"':
		if err := json.Unmarshal(b, &s); err != nil {
			return err
		}
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		s = string(b)
	case 'n': // null: left out
		return nil
	case 't', 'f':
		return &json.UnmarshalTypeError{Value: trueOrFalse, Type: reflect.TypeFor[string]()}
	case '[':
		return &json.UnmarshalTypeError{Value: "list", Type: reflect.TypeFor[string]()}
	default:
		return &json.UnmarshalTypeError{Value: "mapping", Type: reflect.TypeFor[string]()}
	}
	*t = text(s)
	return nil
}

func plainTexts(all []text) []string {
	if all == nil {
		return nil
	}
	s := make([]string, len(all))
	for i, t := range all {
		s[i] = string(t)
	}
	return s
}
