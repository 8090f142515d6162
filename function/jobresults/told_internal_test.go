package jobresults

import "testing"

func TestToldForgetsTheOldest(t *testing.T) {
	var memory told
	for i := range remembered + 1 {
		if !memory.claim(string(rune('a'+i)), "first") {
			t.Fatalf("%d is told already", i)
		}
	}
	if !memory.claim("a", "second") || memory.claim(string(rune('a'+remembered)), "second") {
		t.Error("the oldest is remembered, or the newest is not")
	}
	memory.release("a")
	if !memory.claim("a", "third") || len(memory.order) != remembered || len(memory.cause) != remembered {
		t.Errorf("%d and %d are remembered", len(memory.order), len(memory.cause))
	}
}
