package main

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"dpremote/internal/inventory"
)

// pipelineJob is a job of a pipeline that docs/ci.md shows, with its variables
// filled in. A matrix is as many jobs.
type pipelineJob struct {
	system, name string
	shards       int
	env          map[string]string
	scripts      []string
	keeps        []string // files
}

// yamlBlocks are the fenced blocks of YAML in docs/ci.md.
func yamlBlocks(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile("../../docs/ci.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for _, found := range regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		blocks = append(blocks, found[1])
	}
	return blocks
}

// pipelines are the jobs of the pipelines in docs/ci.md.
func pipelines(t *testing.T) []pipelineJob {
	t.Helper()
	var jobs []pipelineJob
	for _, block := range yamlBlocks(t) {
		var top map[string]yaml.Node
		if err := yaml.Unmarshal([]byte(block), &top); err != nil {
			t.Fatalf("%v in\n%s", err, block)
		}
		switch {
		case top["jobs"].Kind != 0:
			jobs = append(jobs, githubJobs(t, block)...)
		case top["stages"].Kind != 0:
			jobs = append(jobs, gitlabJobs(t, top)...)
		}
	}
	return jobs
}

func githubJobs(t *testing.T, text string) []pipelineJob {
	t.Helper()
	var workflow struct {
		Env  map[string]string
		Jobs map[string]struct {
			Strategy struct{ Matrix struct{ Shard []int } }
			Steps    []struct {
				Run  string
				Uses string
				Env  map[string]string
				With struct{ Path string }
			}
		}
	}
	if err := yaml.Unmarshal([]byte(text), &workflow); err != nil {
		t.Fatal(err)
	}
	var jobs []pipelineJob
	for name, job := range workflow.Jobs {
		shards := job.Strategy.Matrix.Shard
		for i := range max(1, len(shards)) {
			shard := ""
			if len(shards) > 0 {
				shard = strconv.Itoa(shards[i])
			}
			fill := strings.NewReplacer("${{ matrix.shard }}", shard, "${{ secrets.CONFIGMGR_PASSWORD }}", "secret")
			out := pipelineJob{system: "github", name: name, shards: len(shards), env: map[string]string{"GITHUB_ACTIONS": "true"}}
			for key, value := range workflow.Env {
				out.env[key] = fill.Replace(value)
			}
			for _, step := range job.Steps {
				if step.Run != "" {
					out.scripts = append(out.scripts, fill.Replace(step.Run))
				}
				if strings.HasPrefix(step.Uses, "actions/upload-artifact@") {
					out.keeps = append(out.keeps, strings.Fields(step.With.Path)...)
				}
			}
			jobs = append(jobs, out)
		}
	}
	return jobs
}

func gitlabJobs(t *testing.T, top map[string]yaml.Node) []pipelineJob {
	t.Helper()
	var variables map[string]string
	if node := top["variables"]; node.Kind != 0 {
		if err := node.Decode(&variables); err != nil {
			t.Fatal(err)
		}
	}
	var jobs []pipelineJob
	for name, node := range top {
		var job struct {
			Parallel  int
			Script    []string
			Artifacts struct {
				Paths   []string
				Reports map[string]string
			}
		}
		if node.Kind != yaml.MappingNode || node.Decode(&job) != nil || len(job.Script) == 0 {
			continue
		}
		for i := range max(1, job.Parallel) {
			out := pipelineJob{system: "gitlab", name: name, shards: job.Parallel, env: map[string]string{"GITLAB_CI": "true", "CONFIGMGR_PASSWORD": "secret"}}
			maps.Copy(out.env, variables)
			fill := strings.NewReplacer("$CI_NODE_INDEX", strconv.Itoa(i+1), "$CI_NODE_TOTAL", strconv.Itoa(job.Parallel))
			for _, line := range job.Script {
				out.scripts = append(out.scripts, fill.Replace(line))
			}
			out.keeps = job.Artifacts.Paths
			for report := range maps.Values(job.Artifacts.Reports) {
				out.keeps = append(out.keeps, report)
			}
			jobs = append(jobs, out)
		}
	}
	return jobs
}

// TestPipelines runs the jobs of docs/ci.md as a runner does, each script by a
// shell in a directory with an inventory. Their shards together are all, and what
// they keep is there.
func TestPipelines(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil || runtime.GOOS == "windows" {
		t.Skip("there is no bash here")
	}
	jobs := pipelines(t)
	shards := map[string][]string{}
	codes := map[int]int{}
	for _, job := range jobs {
		if len(job.scripts) == 0 {
			t.Errorf("%s: job %s does nothing", job.system, job.name)
		}
		for _, script := range job.scripts {
			if strings.Contains(script, "${{") || strings.Contains(script, "$CI_") {
				t.Errorf("%s: job %s: what is filled in for %s?", job.system, job.name, script)
			}
			if found := regexp.MustCompile(`--shard "?(\d+/\d+)`).FindStringSubmatch(script); found != nil {
				key := job.system + " " + job.name
				shards[key] = append(shards[key], found[1])
			} else if job.shards > 0 {
				t.Errorf("%s: job %s is a matrix without --shard", job.system, job.name)
			}
		}
		codes[runPipelineJob(t, job)]++
	}
	if len(jobs) < 18 || len(shards) != 4 || codes[exitFindings] == 0 || codes[exitOK] == 0 {
		t.Errorf("%d jobs, shards %v, codes %v: where are the others?", len(jobs), shards, codes)
	}
	for name, got := range shards {
		if slices.Sort(got); !slices.Equal(got, []string{"1/4", "2/4", "3/4", "4/4"}) {
			t.Errorf("%s has the shards %v", name, got)
		}
	}
}

// runPipelineJob runs a job and gives its exit code.
func runPipelineJob(t *testing.T, job pipelineJob) int {
	t.Helper()
	dir := t.TempDir()
	const sites = "sites:\n" +
		"  CAS: {simulate: {packages: 2, delay: 100ms, seed: 5}}\n" +
		"  PS1: {simulate: {parent: CAS, dps: 2, packages: 3, failed: {transient: 2, disk-full: 1}}}\n" +
		"  PS2: {simulate: {parent: CAS, dps: 2, packages: 3, failed: {transient: 1}}}\n"
	if err := os.WriteFile(filepath.Join(dir, "inventory.yaml"), []byte(sites), 0o600); err != nil {
		t.Fatal(err)
	}
	run := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", strings.Join(job.scripts, "\n"))
	run.Dir = dir
	run.Env = append(os.Environ(), "XDG_STATE_HOME="+dir)
	for name, value := range job.env {
		run.Env = append(run.Env, name+"="+value)
	}
	printed, err := run.CombinedOutput()
	code := 0
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		code, err = exit.ExitCode(), nil
	}
	if err != nil || code != exitOK && code != exitFindings {
		t.Errorf("%s: job %s ended with %d, %v:\n%s", job.system, job.name, code, err, printed)
	}
	for _, name := range job.keeps {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err != nil || info.Size() == 0 && !strings.HasSuffix(name, ".csv") {
			t.Errorf("%s: job %s keeps %s, which it does not write: %v", job.system, job.name, name, err)
		}
		if err == nil && strings.HasSuffix(name, ".xml") {
			readJUnit(t, path).agrees(t, code)
		}
	}
	return code
}

// TestPipelineInventory reads the inventory that docs/ci.md shows.
func TestPipelineInventory(t *testing.T) {
	shown := 0
	for _, block := range yamlBlocks(t) {
		if !strings.Contains(block, "\nsites:\n") {
			continue
		}
		shown++
		inv, err := inventory.Parse("inventory.yaml", []byte(block))
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range inv.Sites() {
			if s.Code == "" || !strings.Contains(fmt.Sprint(s.Password), "CONFIGMGR_PASSWORD") {
				t.Errorf("%s: %+v", s.Name, s.Password)
			}
		}
	}
	if shown != 1 {
		t.Errorf("%d inventories are shown", shown)
	}
}
