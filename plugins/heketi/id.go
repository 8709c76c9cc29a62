package heketi

import (
	"encoding/hex"
	"strings"

	"github.com/google/uuid"
	"github.com/oklog/ulid/v2"
)

// hexID is an id of gd2 as Heketi's clients read it: without dashes.
func hexID(id string) string { return strings.ReplaceAll(id, "-", "") }

// newID makes an id.
func newID() string { return hexID(uuid.NewString()) }

// asUUID is an id of 32 hex digits as a UUID.
func asUUID(id string) (string, bool) {
	u, err := uuid.Parse(id)
	return u.String(), err == nil && len(id) == idLength
}

// idLength is the number of hex digits of an id.
const idLength = 32

// queueID is the id of an operation as Heketi's clients read it: both are the same 16 bytes.
func queueID(operation string) string {
	id, err := ulid.Parse(operation)
	if err != nil {
		return ""
	}
	return hex.EncodeToString(id[:])
}

// operationID is the inverse of queueID; "" if the id is that of no operation.
func operationID(queue string) string {
	raw, err := hex.DecodeString(queue)
	if err != nil || len(raw) != idLength/2 {
		return ""
	}
	return ulid.ULID(raw).String()
}
