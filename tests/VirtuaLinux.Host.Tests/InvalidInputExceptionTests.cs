using VirtuaLinux.Model;

namespace VirtuaLinux.Host.Tests;

public class InvalidInputExceptionTests
{
    [Fact]
    public void Every_fault_is_a_line_of_the_message() =>
        Assert.Equal("a.yaml:1: x; y\na.yaml:2: z; w", new InvalidInputException([new Diagnostic("a.yaml", 1, "x", "y"), new Diagnostic("a.yaml", 2, "z", "w")]).Message);
}
