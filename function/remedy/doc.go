// Package remedy is for functions of one's own. The author writes two functions,
// one that says what would be done about an alert and one that does it:
//
//	func New() *remedy.Function {
//		return remedy.New(remedy.Remedy{
//			Name: "restart", Kinds: []remedy.Kind{remedy.Deployment}, Plan: plan, Apply: apply,
//		})
//	}
//
// and this package everything else: it finds the object that the alert is about,
// and puts the two behind the guards that all of quench's functions are behind, from
// the same environment (config.Function): signatures, the policy, dry runs and
// approvals, locks, records, cool-downs, limits, outcome events.
//
// What may go wrong: the object changes between the plan and the lock. The plan is
// made once more under the lock, and where it is another by then nothing is done,
// and the broker delivers the event again. An Apply that is cut off (the pod is
// killed, the API server does not answer) is told by the mark that Case.Patch leaves
// on the object; where there is none, Apply runs again only if the Remedy is
// Repeatable, else the action has failed with the reason Unknown.
package remedy
