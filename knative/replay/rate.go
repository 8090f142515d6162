package replay

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"
)

// Gentle is the rate where nobody names one: five events a second.
const Gentle = rate.Limit(5)

// ParseRate reads how fast to send: 5/s, 100/m, 10/h, a number alone for so many a
// second, or max for as fast as events are taken.
func ParseRate(text string) (rate.Limit, error) {
	if text == "max" {
		return rate.Inf, nil
	}
	number, unit, ok := strings.Cut(text, "/")
	per, known := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if !ok {
		per, known = time.Second, true
	}
	n, err := strconv.ParseFloat(number, 64)
	if err != nil || !known || !(n > 0 && n <= 1e6) {
		return 0, fmt.Errorf("%.40q is no rate: want such as 5/s, 100/m or 10/h, or max for as fast as they are taken", text)
	}
	return rate.Limit(n / per.Seconds()), nil
}
