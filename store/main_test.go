package store_test

import (
	"testing"

	"gd2/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m) }
