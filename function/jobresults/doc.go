// Package jobresults is the function job-results: it tells how a Job ended that
// job-runner made, as an outcome event of its own, with exit code, reason and the
// last lines of the log.
//
// Its input are Knative's ApiServerSource's events about Jobs. Nobody signs those,
// so nothing in them is believed but which Job to look at; what is told is read
// from the API server. A Job without job-runner's labels, or one that has not
// ended, is answered with nothing, so that an event that somebody made up tells
// nobody's log.
//
// What may go wrong:
//   - Pods are gone: the Job's controller deletes those of a Job that took too
//     long. The outcome then says no exit code and no log, and why.
//   - The log cannot be read (its node is away): the outcome says so. It is not
//     waited for; a node may stay away for ever.
//   - The source's pod is away while a Job ends: nobody hears of that Job, because
//     a source that starts anew tells only what changes from then on. The Job
//     itself is kept for an hour (ttlSecondsAfterFinished).
//   - A Job that has ended changes several times, and each time is an event. The
//     outcome has the same id each time, and one process tells it once; after a
//     restart it may be told again, by which consumers know it. A mark on the Job
//     would need the right to patch Jobs, which is the right to change what others
//     run: too much for a repeat that its id gives away.
package jobresults
