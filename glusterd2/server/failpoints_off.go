//go:build !failpoints

package server

import "gd2/transaction"

// failpoints does nothing: only daemons built for tests die on request.
func failpoints(*transaction.Config, string) {}
