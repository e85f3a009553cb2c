//go:build !windows

package inventory

import (
	"context"
	"os/exec"
)

// shellCommand runs a line in the shell that POSIX promises.
func shellCommand(ctx context.Context, line string) *exec.Cmd {
	return exec.CommandContext(ctx, "/bin/sh", "-c", line)
}
