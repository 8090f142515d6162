package notifier

import (
	"testing"
)

// What is shipped can be executed for every kind, in every dialect, with every part and with none.
func TestShippedTemplates(t *testing.T) {
	for _, d := range []dialect{plainText, chatText, jsonText, mrkdwn} {
		m, err := newMessages(d, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range kinds {
			n := sample(kind)
			if title, text, err := m.render(n); err != nil || title == "" || text == "" {
				t.Errorf("%s in %s: %q, %q, %v", kind, d.name, title, text, err)
			}
			n.Labels, n.Alert.Labels, n.Alert.Annotations, n.Alert.Group, n.Name, n.Job = nil, nil, nil, nil, "", nil
			if n.Enriched != nil {
				*n.Enriched = *sample(Enriched).Enriched
				n.Enriched.Pod, n.Enriched.Rollout, n.Enriched.Node, n.Enriched.Suggestion, n.Enriched.Containers = nil, nil, nil, nil, nil
			}
			if n.Outcome != nil {
				n.Alert, n.Outcome.Actions = nil, nil
			}
			if title, _, err := m.render(n); err != nil || title == "" {
				t.Errorf("%s in %s, with nothing to say: %q, %v", kind, d.name, title, err)
			}
		}
	}
}
