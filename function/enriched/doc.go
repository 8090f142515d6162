// Package enriched is the event that an alert becomes once it was looked into: the
// alert, and what was found in the cluster about the object that it is about. It is
// a leaf, which whoever makes such events and whoever reads them both import.
//
// Its type is dev.quench.alert.enriched, its subject the alert's, and every label
// an attribute as on the alert's own event. Every part but the alert may be
// missing; where one could not be had, Missing says which and why. Nobody signs it:
// it is for people to read, and no ground to act on.
package enriched
