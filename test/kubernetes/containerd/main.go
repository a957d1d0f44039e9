// Answers, for each line of the input, which image of an index containerd starts on a node.
// It is the code of containerd that answers: images.Manifest, with the matcher of platforms.Only.
package main

import (
	"bufio"
	"bytes"
	"context"
	_ "crypto/sha256"
	"encoding/json"
	"io"
	"log"
	"os"
	"slices"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	"github.com/opencontainers/go-digest"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

type question struct {
	Node  v1.Platform              `json:"node"`
	Index v1.Descriptor            `json:"index"`
	Blobs map[digest.Digest]string `json:"blobs"`
}

type answer struct {
	// The annotation "name" of the manifest.
	Started string `json:"started,omitempty"`
	Error   string `json:"error,omitempty"`
	// What a pull fetches of the manifests.
	Fetched []digest.Digest `json:"fetched"`
}

type blob struct{ *bytes.Reader }

func (blob) Close() error { return nil }

func (q question) ReaderAt(_ context.Context, d v1.Descriptor) (content.ReaderAt, error) {
	text, ok := q.Blobs[d.Digest]
	if !ok {
		return nil, errdefs.ErrNotFound
	}
	return blob{bytes.NewReader([]byte(text))}, nil
}

func (q question) answer(ctx context.Context) answer {
	node := platforms.Only(q.Node)
	fetched := []digest.Digest{}
	seen := images.HandlerFunc(func(_ context.Context, d v1.Descriptor) ([]v1.Descriptor, error) {
		if images.IsManifestType(d.MediaType) && !slices.Contains(fetched, d.Digest) {
			fetched = append(fetched, d.Digest)
		}
		return nil, nil
	})
	children := images.LimitManifests(images.FilterPlatforms(images.ChildrenHandler(q), node), node, 1)
	// Its errors are those of what is not there; what was fetched before counts.
	_ = images.Walk(ctx, images.Handlers(seen, children), q.Index)
	manifest, err := images.Manifest(ctx, q, q.Index, node)
	if err != nil {
		return answer{Error: err.Error(), Fetched: fetched}
	}
	return answer{Started: manifest.Annotations["name"], Fetched: fetched}
}

func main() {
	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var q question
			if err := json.Unmarshal(line, &q); err != nil {
				log.Fatal(err)
			}
			if err := json.NewEncoder(out).Encode(q.answer(context.Background())); err != nil {
				log.Fatal(err)
			}
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			log.Fatal(err)
		}
	}
}
