// Package jobrunner is the function job-runner: a Kubernetes Job for each alert
// that a rule matches. It reads Bailer's config.yaml as it is (bailers:), and
// rules of its own with more (jobs:).
//
// What may go wrong: a rules file that is not right stops the start, with the
// rule and the field. A Job that the API server refuses is a failed outcome with
// its message; an API server that is away or throttles is asked again by the
// broker. The Job's name is derived from rule and event, so that making it twice
// fails at the API server even where every record is lost. What a Job does, and
// whether its pod starts at all, is not waited for.
package jobrunner
