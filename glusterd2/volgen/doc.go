// Package volgen writes volfiles: the graphs of translators that bricks, clients and self-heal daemons of GlusterFS
// load. A volfile is a pure function of the volume's record, of the pool's options and of a few facts handed in; the
// same input always gives the same text, so that a process is told to reload only when something changed for it.
package volgen
