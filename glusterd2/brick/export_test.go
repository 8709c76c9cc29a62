package brick

import "context"

// SkipProbe makes the ports be handed out without a look whether they are free: as if each were taken right after it.
func (p *Ports) SkipProbe() { p.free = func(context.Context, int) bool { return true } }
