package store_test

import (
	"os"
	"testing"

	"gd2/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Run(m)) }
