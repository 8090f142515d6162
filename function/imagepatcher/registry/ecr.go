package registry

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
)

// ECR is Amazon's Cloud. Who this process is, AWS's own ways say: variables, a
// service account's role, the node's role.
type ECR struct{}

// ecrHost is an account's registry: ACCOUNT.dkr.ecr.REGION.amazonaws.com.
var ecrHost = regexp.MustCompile(`^([0-9]{12})\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com|amazonaws\.com\.cn|on\.aws)$`)

func open(ctx context.Context, registry string) (client *ecr.Client, account string, err error) {
	m := ecrHost.FindStringSubmatch(registry)
	if m == nil {
		return nil, "", nil
	}
	c, err := config.LoadDefaultConfig(ctx, config.WithRegion(m[2]), config.WithRetryMaxAttempts(1))
	if err != nil {
		return nil, "", &AwayError{Registry: registry, Err: fmt.Errorf("find an AWS identity: %w", err)}
	}
	return ecr.NewFromConfig(c), m[1], nil
}

// Credential implements Cloud.
func (ECR) Credential(ctx context.Context, registry string) (Credential, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudPatience)
	defer cancel()
	client, _, err := open(ctx, registry)
	if client == nil {
		return Credential{}, false, err
	}
	answer, err := client.GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil {
		return Credential{}, false, fromAWS("get an ECR token", registry, err)
	}
	for _, data := range answer.AuthorizationData {
		text, err := base64.StdEncoding.DecodeString(aws.ToString(data.AuthorizationToken))
		user, password, ok := strings.Cut(string(text), ":")
		if err == nil && ok {
			return Credential{From: "AWS identity", Auth: &authn.Basic{Username: user, Password: password}}, true, nil
		}
	}
	return Credential{}, false, fmt.Errorf("%w: %s: no token", ErrUnreadable, registry)
}

// Pushed implements Cloud.
func (ECR) Pushed(ctx context.Context, repository name.Repository) (map[string]time.Time, bool, error) {
	ctx, cancel := context.WithTimeout(ctx, cloudPatience)
	defer cancel()
	client, account, err := open(ctx, repository.RegistryStr())
	if client == nil {
		return nil, false, err
	}
	most := int32(pageSize)
	pages := ecr.NewDescribeImagesPaginator(client, &ecr.DescribeImagesInput{
		RegistryId: &account, RepositoryName: aws.String(repository.RepositoryStr()), MaxResults: &most,
		Filter: &types.DescribeImagesFilter{TagStatus: types.TagStatusTagged},
	})
	pushed := map[string]time.Time{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, false, fromAWS("describe ECR images of "+repository.Name(), repository.RegistryStr(), err)
		}
		for _, image := range page.ImageDetails {
			for _, tag := range image.ImageTags {
				pushed[tag] = aws.ToTime(image.ImagePushedAt)
			}
		}
		if len(pushed) > MaxTags {
			return nil, false, fmt.Errorf("%w: %s has more than %d tags", ErrTooLarge, repository.Name(), MaxTags)
		}
	}
	return pushed, true, nil
}

// fromAWS says what an error of AWS's means: by its code, without its text.
func fromAWS(verb, registry string, err error) error {
	var answer smithy.APIError
	var status interface{ HTTPStatusCode() int }
	if !errors.As(err, &answer) || !errors.As(err, &status) {
		return &AwayError{Registry: registry, Err: fmt.Errorf("%s: %w", verb, err)}
	}
	said := fmt.Errorf("%s: %s", verb, clean(answer.ErrorCode()))
	switch code := answer.ErrorCode(); {
	case code == "RepositoryNotFoundException":
		return fmt.Errorf("%w (%w)", ErrAbsent, said)
	case status.HTTPStatusCode() >= http.StatusInternalServerError, strings.Contains(code, "Throttling"), strings.Contains(code, "TooManyRequests"):
		return &AwayError{Registry: registry, Err: said}
	}
	return &DeniedError{Repository: registry, Tried: []string{fmt.Sprintf("AWS identity (%s)", said)}}
}
