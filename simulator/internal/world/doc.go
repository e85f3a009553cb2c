// Package world is the state of simulated ConfigMgr hierarchies: sites,
// distribution points, packages, the content of each package on each
// distribution point, and the status messages that its distribution leaves
// behind. A [Site] shows that state as the SMS Provider of one site server
// does, in the namespaces root, root/cimv2, root/default, root/sms and
// root/sms/site_XXX.
//
// State moves by an injected clock and only when somebody looks: each access
// first plays the events that have become due, in order and at their own
// times. There are no goroutines and no timers, so what a reader sees is a
// function of the model, of the calls made and of the clock alone.
//
// Where the SDK's class pages say what a value means, the package follows them
// (learn.microsoft.com, Configuration Manager SDK, "server WMI class" pages).
// What they leave open is said at the place where it is decided.
package world
