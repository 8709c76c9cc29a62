// Package brick takes care of the bricks of this peer: it checks and prepares their directories, starts, stops and
// watches their processes, and tells how they do.
package brick
