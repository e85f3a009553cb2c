package inventory

import (
	"fmt"
	"strings"
)

// DidYouMean gives "; did you mean X?" for the candidate nearest to word, or
// nothing where none is near.
func DidYouMean(word string, candidates []string) string {
	best, bestDistance := "", 1+max(1, len(word)/3)
	for _, c := range candidates {
		if d := distance(plain(word), plain(c)); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		best = sharedStart(word, candidates)
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %s?", best)
}

// sharedStart finds the candidate that word lengthens, as username does user.
func sharedStart(word string, candidates []string) string {
	best := ""
	for _, c := range candidates {
		if len(c) >= 3 && len(c) > len(best) && strings.HasPrefix(plain(word), plain(c)) {
			best = c
		}
	}
	return best
}

// plain drops what people vary without a thought: case, dashes, underscores.
func plain(s string) string {
	return strings.NewReplacer("-", "", "_", "").Replace(strings.ToLower(s))
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b (optimal string alignment). Words longer than
// 64 bytes are taken as unlike, which bounds the work.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return max(len(a), len(b))
	}
	rows := make([][]int, len(a)+1)
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			d := min(rows[i-1][j]+1, rows[i][j-1]+1, rows[i-1][j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				d = min(d, rows[i-2][j-2]+1)
			}
			rows[i][j] = d
		}
	}
	return rows[len(a)][len(b)]
}
