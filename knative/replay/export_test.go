package replay

import "time"

// SetWaits sets how long to wait before each further try.
func (s *Sending) SetWaits(waits ...time.Duration) { s.waits = append([]time.Duration{}, waits...) }
