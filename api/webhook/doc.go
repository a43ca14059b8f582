// Package webhook sends what happens to whoever asked for it, by the Standard Webhooks scheme: a POST of
// {"type", "timestamp", "data"} with the headers webhook-id, webhook-timestamp and webhook-signature.
//
// What is sent comes from the history, by a cursor that each hook keeps in the store: an event is sent at
// least once, whatever stops in between, and its webhook-id is the same every time. A delivery that fails
// is parked and tried again after longer and longer waits, nine times within a day; what fails then is a
// dead letter, and several of those in a row switch the hook off until somebody switches it on again.
// Events are sent in the order of the history, but for those that are parked.
//
// A hook's secret can be changed while events are sent: for some time they are signed by the new one and by the former.
//
// A receiver that answers 429 or 503 with Retry-After is sent nothing before then, by eight hours at most; a
// letter is still tried nine times, be it for longer than a day.
//
// A receiver that does not answer costs others nothing: after three failures in a row a hook is sent one
// letter at a time, when it is due.
package webhook
