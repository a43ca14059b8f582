package memory_test

import (
	"testing"

	"touchstone/hashindex/store/memory"
	"touchstone/hashindex/store/storetest"
)

func TestMemoryKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(testing.TB, string) storetest.Store { return memory.New() })
}

func TestMemoryEqualsTheModel(t *testing.T) {
	storetest.RunModel(t, func(testing.TB, string) storetest.Store { return memory.New() }, false)
}
